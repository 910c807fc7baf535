"""What the command line shows: reports and frames in, text for people out."""
