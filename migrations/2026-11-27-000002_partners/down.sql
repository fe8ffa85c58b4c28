DROP TABLE partner_hours;
DROP TABLE partners;
