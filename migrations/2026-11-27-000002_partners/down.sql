DROP INDEX pledges_of_partner;
DROP TABLE partner_hours;
DROP TABLE partners;
