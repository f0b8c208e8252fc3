/** The comment of a schedule that says what its last event breaks: the checker writes it, and the playground compares. */

const prefix = 'It breaks this: '

/** The comment that says that the schedule ends with the failure `message`. */
export function claimOf(message: string): string {
  return `${prefix}${message}`
}

/** The message of the failure that a comment claims; `null` when the comment claims none. */
export function claimedIn(comment: string): string | null {
  return comment.startsWith(prefix) ? comment.slice(prefix.length) : null
}
