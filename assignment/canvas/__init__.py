"""Canvas, there and back: archive names, gradebook CSV, submissions archives, REST."""
