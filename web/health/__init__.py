"""How the installation is: looked at in the background, told to whoever asks."""
