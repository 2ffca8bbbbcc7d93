"""Champion against challenger: the contest, its guards, the decision."""
