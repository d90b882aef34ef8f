"""Files that are made for people: asked for, watched, called off."""
