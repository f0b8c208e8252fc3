import type { ControlCommand, ControlResult } from '../../src/inspect/records/control.ts'
import type { Store, View } from '../model/store.ts'

/** The properties of every part of the page. */
export interface PartProps {
  readonly view: View
  readonly store: Store
}

/** Sends a command to a live cluster. `null` when there is none. */
export type Control = (command: ControlCommand) => Promise<ControlResult>
