DROP TABLE campaign_switches;
