import type { PartyName } from '../../../src/inspect/records/record.ts'

/**
 * The class for the colour of a server, or the common colour of clients (also for `null`). `styles.css` defines the colour as
 * `--colour`; children inherit it.
 */
export function partyClass(party: PartyName | null): string {
  return typeof party === 'number' ? `of-server-${party % 7}` : 'of-client'
}
