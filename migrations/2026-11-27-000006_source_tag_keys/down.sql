DROP TABLE source_tag_keys;
