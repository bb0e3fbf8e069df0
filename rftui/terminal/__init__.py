"""What reaches a terminal and how: cleaning, roles, images, themes, the driver."""
