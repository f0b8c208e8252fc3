/** Watches machines while an engine moves them: the transitions that they take and the states that they reach. */
import type { AnyMachineSnapshot } from 'xstate'
import type { ClientEmitted } from '../../machines/client.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Output } from '../../machines/outputs.ts'
import { stateName } from '../core/chart-names.ts'
import { messageOf } from '../core/message-of.ts'
import { RoleFailed } from '../core/role-failed.ts'
import { checkInvariants, roleNames } from '../core/roles.ts'
import { watchedStep } from '../core/step.ts'
import { machineStateOf } from '../inspect/records/machine-state.ts'
import type { RoleMove, RoleStates } from '../inspect/records/record.ts'
import { checkedStart } from './checked-step.ts'
import type { Stepper } from './settings.ts'

/** Records the transitions of the machines that its steppers move. */
export class Watch {
  #atServer: RoleMove[] = []
  #atClient: Omit<RoleMove, 'role'>[] = []

  readonly stepper: Stepper = {
    start: checkedStart,
    step: (machine, snapshot, event) => {
      const { microsteps, ...step } = watched<Output>(machine, snapshot, event)
      const role = machine.id as RoleName
      this.#atServer.push(...movesOf(event, microsteps, snapshot).map((move) => ({ role, ...move })))
      checkInvariants(machine, snapshot, event, step.snapshot)
      return step
    },
  }

  readonly clientStepper: Stepper<ClientEmitted> = {
    start: checkedStart,
    step: (machine, snapshot, event) => {
      const { microsteps, ...step } = watched<ClientEmitted>(machine, snapshot, event)
      this.#atClient.push(...movesOf(event, microsteps, snapshot))
      checkInvariants(machine, snapshot, event, step.snapshot)
      return step
    },
  }

  /** Removes and returns the recorded moves of roles. */
  takeServerMoves(): readonly RoleMove[] {
    const moves = this.#atServer
    this.#atServer = []
    return moves
  }

  /** Removes and returns the recorded moves of clients' machines. */
  takeClientMoves(): readonly Omit<RoleMove, 'role'>[] {
    const moves = this.#atClient
    this.#atClient = []
    return moves
  }
}

export type RoleSnapshots = Readonly<Record<RoleName, AnyMachineSnapshot>>

/** The state of each role. */
export function roleStatesOf(roles: RoleSnapshots): RoleStates {
  return Object.fromEntries(roleNames.map((role) => [role, machineStateOf(role, roles[role])])) as Record<
    RoleName,
    RoleStates[RoleName]
  >
}

/** The states of the roles that changed; of all roles when `before` is `null`. */
export function changedRoles(before: RoleSnapshots | null, after: RoleSnapshots): Partial<RoleStates> {
  const changed = roleNames.filter((role) => {
    const [was, is] = [before?.[role], after[role]]
    return was === undefined || was.context !== is.context || stateName(was.value) !== stateName(is.value)
  })
  return Object.fromEntries(changed.map((role) => [role, machineStateOf(role, after[role])]))
}

function watched<Emitted>(...step: Parameters<typeof watchedStep>): ReturnType<typeof watchedStep<Emitted>> {
  try {
    return watchedStep<Emitted>(...step)
  } catch (error) {
    throw new RoleFailed(`a role failed: ${messageOf(error)}`, { cause: error })
  }
}

/** An event without a transition is a move without edges. */
function movesOf(
  { type }: { readonly type: string },
  microsteps: ReturnType<typeof watchedStep>['microsteps'],
  before: AnyMachineSnapshot,
): Omit<RoleMove, 'role'>[] {
  if (microsteps.length === 0) return [{ event: type, edges: [], state: stateName(before.value) }]
  return microsteps.map(({ event, edges, snapshot }) => ({ event, edges, state: stateName(snapshot.value) }))
}
