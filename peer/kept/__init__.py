"""What is kept for this user on the disk: the folder, files nobody else can read, small databases."""
