/** The space around each chart, in pixels. charts.css has the same values. */
export const cardRoom = { width: 2, height: 2, gap: 4 }

/** At a smaller scale the names of states cannot be read: then the panel scrolls. */
export const smallestScale = 11 / 12
