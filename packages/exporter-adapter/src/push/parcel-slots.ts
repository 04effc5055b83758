/** The slots of one process: what gathers, what is being sent, how far that is, and the latest cumulative points. */
export const OPEN = 'open'
export const SEALED = 'sealed'
export const PROGRESS = 'progress'
export const CUMULATIVE = 'cumulative'
/** How far it is with a parcel that another process has left. */
export const REPLAYED = 'replayed'
