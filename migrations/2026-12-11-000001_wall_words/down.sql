DROP TABLE wall_words;
