/** The dimension of all values, and the instance of all instances, that are not kept apart; also of those that a sample of series leaves out. */
export const OTHER = '(other)'
