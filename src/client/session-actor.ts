import { createActor } from 'xstate'
import { type ClientEmitted, type ClientInput, clientMachine } from '../../machines/client.ts'
import { quickLogic } from '../core/quick-logic.ts'
import type { SessionActor } from './session.ts'
import type { SessionWatch } from './session-watch.ts'

/** Starts an actor of the client's chart. */
export function startActor(
  input: ClientInput,
  carryOut: (output: ClientEmitted) => void,
  watch: SessionWatch | null,
): SessionActor {
  const logic = quickLogic(clientMachine, () => watch !== null)
  const actor = createActor(logic, { input, ...(watch !== null && { inspect: watch.inspect }) })
  actor.on('*', carryOut)
  return actor.start()
}
