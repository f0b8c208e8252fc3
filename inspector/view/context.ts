import type { ControlCommand, ControlResult } from '../../src/inspect/records/control.ts'
import type { Store, View } from '../model/store.ts'

/** What every part of the page is given. */
export interface PartProps {
  readonly view: View
  readonly store: Store
}

/** Has something done to a live cluster. `null` where there is none. */
export type Control = (command: ControlCommand) => Promise<ControlResult>
