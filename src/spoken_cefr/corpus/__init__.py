"""What recordings are called and labelled by: levels, languages, speakers, the metadata table."""
