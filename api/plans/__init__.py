"""Documents compiled to plans: the same resolvers and rows, without the stock executor between."""
