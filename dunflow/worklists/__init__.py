"""Lists for people: whom a team phones today, and whom somebody visits."""
