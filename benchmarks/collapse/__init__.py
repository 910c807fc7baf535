"""Model collapse: what rounds that replace their data lose, and rounds that add keep."""
