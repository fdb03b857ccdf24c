"""What a check found, for people and for machines: tables, Markdown, JUnit XML, one HTML page."""
