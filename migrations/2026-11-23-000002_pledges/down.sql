DROP TABLE country_totals;
DROP TABLE campaign_totals;
DROP TABLE count_deltas;
DROP TABLE pledges;
