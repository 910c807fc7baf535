"""Model collapse, simulated: what rounds that replace their data lose, and rounds that add keep."""
