DROP TABLE mail_server;
