import { createActor } from 'xstate'
import { type ClientEmitted, type ClientInput, clientMachine } from '../../machines/client.ts'
import { type LeaseEmitted, type LeaseInput, leaseMachine } from '../../machines/lease.ts'
import { quickLogic } from '../core/quick-logic.ts'
import type { LeaseActor, SessionActor } from './session.ts'
import type { SessionWatch } from './session-watch.ts'

/** Timers that do not keep the process alive: the sockets do, while a request of the program is outstanding. */
const idleClock = {
  setTimeout: (run: () => void, ms: number) => setTimeout(run, ms).unref(),
  clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
}

/** Starts an actor of the lease's chart. */
export function startLease(input: LeaseInput, carryOut: (output: LeaseEmitted) => void): LeaseActor {
  const actor = createActor(
    quickLogic(leaseMachine, () => false),
    { input, clock: idleClock },
  )
  actor.on('*', carryOut)
  return actor.start()
}

/** Starts an actor of the client's chart. */
export function startActor(
  input: ClientInput,
  carryOut: (output: ClientEmitted) => void,
  watch: SessionWatch | null,
): SessionActor {
  const logic = quickLogic(clientMachine, () => watch !== null)
  const observed = watch !== null && { inspect: watch.inspect }
  const actor = createActor(logic, { input, clock: idleClock, ...observed })
  actor.on('*', carryOut)
  return actor.start()
}
