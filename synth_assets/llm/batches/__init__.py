"""Provider batch APIs: requests that wait for hours at half the price, and no process with them."""
