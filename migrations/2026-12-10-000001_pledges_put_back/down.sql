DROP TABLE pledges_put_back;
