"""What the graph experiments share: labels, graphs, lessons, training, pictures."""
