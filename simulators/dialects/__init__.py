"""What simulated devices say, one module a dialect: written from the makers' documents, not from codecs."""
