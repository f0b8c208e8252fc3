import type { PartyName } from '../../../src/inspect/records/record.ts'

/**
 * The class that has the colour of a server, or, for any client and for `null`, that of clients: `styles.css` says which, as
 * `--colour`. It holds for what is inside too.
 */
export function partyClass(party: PartyName | null): string {
  return typeof party === 'number' ? `of-server-${party % 7}` : 'of-client'
}
