"""One outside library per file, named after it. An edge knows its library and the ports, and no other edge."""
