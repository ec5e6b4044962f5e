"""One outside library per file, named after it. An edge knows its library and the ports; edges do not know each other."""
