"""What is done to a stack: kills, freezes, full disks, wrong clocks, and when."""
