"""What the mock server has: channels of images, made by arithmetic, and what happens to them."""
