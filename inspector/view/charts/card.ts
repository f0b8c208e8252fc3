/** What stands around each chart beside others, in pixels, as charts.css has it. */
export const cardRoom = { width: 2, height: 2, gap: 4 }

/** Smaller than this, the names of states could not be read: then the panel scrolls. */
export const smallestScale = 11 / 12
