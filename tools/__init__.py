"""Tools that build and check the book; none of them is part of the library."""
