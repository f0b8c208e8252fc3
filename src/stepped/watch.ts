/** Watches machines while an engine moves them: the transitions that they take and the states that they reach. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { ClientEmitted } from '../../machines/client.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Output } from '../../machines/outputs.ts'
import { stateName } from '../core/chart-names.ts'
import { messageOf } from '../core/message-of.ts'
import { RoleFailed } from '../core/role-failed.ts'
import { checkInvariants, roleNames } from '../core/roles.ts'
import { type Step, watchedStep } from '../core/step.ts'
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
    step: (machine, before, event) => {
      const role = machine.id as RoleName
      return watched<Output>(machine, before, event, (moves) => {
        this.#atServer.push(...moves.map((move) => ({ role, ...move })))
      })
    },
  }

  readonly clientStepper: Stepper<ClientEmitted> = {
    start: checkedStart,
    step: (machine, before, event) =>
      watched<ClientEmitted>(machine, before, event, (moves) => {
        this.#atClient.push(...moves)
      }),
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

/** The step; `moved` receives its moves before the invariants are checked, so that a step that breaks one is recorded too. */
function watched<Emitted>(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot,
  event: { readonly type: string },
  moved: (moves: readonly Omit<RoleMove, 'role'>[]) => void,
): Step<Emitted> {
  const { microsteps, ...step } = watchedOrFailed<Emitted>(machine, before, event)
  moved(movesOf(event, microsteps, before))
  checkInvariants(machine, before, event, step.snapshot)
  return step
}

function watchedOrFailed<Emitted>(
  ...step: Parameters<typeof watchedStep>
): ReturnType<typeof watchedStep<Emitted>> {
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
