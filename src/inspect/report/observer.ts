/** Makes records of what happens to a live server, as far as there is time and room for them. */
import type { AnyActorRef, InspectionEvent } from 'xstate'
import type { AcceptorContext } from '../../../machines/acceptor.ts'
import { compareBallots } from '../../../machines/ballot.ts'
import type { Address } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import type { LearnerContext } from '../../../machines/learner.ts'
import type { Write } from '../../../machines/outputs.ts'
import { stateName } from '../../core/chart-names.ts'
import type { DurableState } from '../../core/durable.ts'
import type { Fact } from '../../core/facts.ts'
import { roleMachines, roleNames } from '../../core/roles.ts'
import { microstepOf } from '../../core/step.ts'
import type { JournalEvent } from '../../journal/journal-lines.ts'
import type { Replica } from '../../services/replica.ts'
import { machineStateOf } from '../records/machine-state.ts'
import type {
  Cause,
  FateRecord,
  HeadsRecord,
  MachineState,
  RoleMove,
  RoleStates,
  ServerRecord,
} from '../records/record.ts'
import { truncatedView } from '../records/truncated.ts'
import { DurableMirror } from './durable-mirror.ts'

/** Where records go. */
export interface RecordSink {
  /** True when the next record must be a keyframe. */
  readonly needsKeyframe: boolean
  /** True when a record may be made now. */
  admits(): boolean
  /** A record is left out. */
  leaveOut(): void
  add(record: ServerRecord): void
}

/** The server that is observed. */
export interface Subject {
  readonly address: Address
  readonly replica: Pick<Replica, 'members' | 'firstUnexecuted' | 'view'>
  snapshot(role: RoleName): Snapshot | undefined
  clock(): number
}

interface Snapshot {
  readonly value: unknown
  readonly context?: unknown
}

/** The service is shown after so many milliseconds, at the earliest. */
const serviceEveryMs = 250
/** It is shown more rarely where that is dear: after so many times what it took. */
const serviceRest = 50

export class Observer {
  readonly #subject: Subject
  readonly #sink: RecordSink
  readonly #failed: (error: Error) => void
  #mirror: DurableMirror | null = null
  #isBroken = false

  // Of the event under way, if it is followed.
  #isFollowing = false
  #moves: RoleMove[] = []
  #facts: Fact[] = []
  #isUnderWay = false
  /** What met messages in it. */
  #fates: FateRecord[] = []

  /** Each role as it was last told of. */
  #told: Partial<Record<RoleName, Snapshot>> = {}
  #serviceTimer: NodeJS.Timeout | null = null
  #serviceTookMs = 0

  /** `failed` is told, once, when something was wrong here: the observer ends, and the server goes on. */
  constructor(subject: Subject, sink: RecordSink, failed: (error: Error) => void) {
    this.#subject = subject
    this.#sink = sink
    this.#failed = failed
  }

  /** The server begins, with this on its disk. */
  starts({ promised, accepted, firstUnchosen }: DurableState): void {
    this.#mirror = new DurableMirror({ promised, accepted, firstUnchosen })
  }

  /** An event is about to happen. False when it is left out: then nothing of it needs to be told. */
  begins(): boolean {
    return this.#safely(false, () => {
      this.#isFollowing = this.#isAdmitted()
      this.#isUnderWay = true
      this.#fates = []
      this.#moves = []
      this.#facts = []
      return this.#isFollowing
    })
  }

  /** XState tells what it does. */
  inspected(inspected: InspectionEvent): void {
    this.#safely(undefined, () => {
      if (inspected.type !== '@xstate.microstep') return
      const role = (inspected.actorRef as AnyActorRef).id as RoleName
      const machine = roleMachines[role]
      const microstep = machine === undefined ? null : microstepOf(machine, inspected)
      if (microstep === null) return
      const { event, edges, snapshot } = microstep
      this.#moves.push({ role, event, edges, state: stateName(snapshot.value) })
    })
  }

  /** Something that the event under way came to. */
  fact(fact: Fact): void {
    if (this.#isFollowing) this.#facts.push(fact)
  }

  /** A batch was executed. */
  executed(fact: Extract<Fact, { type: 'executed' }>): void {
    this.fact(fact)
    this.#serviceChanged()
  }

  /** `write` is given to the disk. */
  asked(write: Write): void {
    this.#safely(undefined, () => this.#mirror?.ask(write))
  }

  /** A write of the acceptor is synced: the disk as it is then. */
  synced(): DurableState | null {
    return this.#safely(null, () => {
      this.#mirror?.synced()
      return this.#mirror?.durable ?? null
    })
  }

  /** The event that `begins` admitted has happened. */
  ends(event: JournalEvent['event']): void {
    this.#safely(undefined, () => {
      if (event.type === 'start') this.#told = {}
      this.#sink.add({
        kind: 'step',
        clock: this.#subject.clock(),
        timeMs: Date.now(),
        cause: causeOf(event),
        moves: this.#moves,
        facts: this.#facts,
        writes: this.#mirror?.unsynced ?? 0,
        roles: this.#changed(),
      })
    })
  }

  /** The event is over, whether it was followed or not: what became of what was said in it comes after it. */
  over(): void {
    this.#safely(undefined, () => {
      this.#isUnderWay = false
      for (const fate of this.#fates) if (this.#isAdmitted()) this.#sink.add(fate)
      this.#fates = []
    })
  }

  /** Tells what became of a message. */
  fate(fate: Omit<FateRecord, 'kind' | 'clock' | 'timeMs'>): void {
    this.#safely(undefined, () => {
      const record: FateRecord = {
        kind: 'fate',
        clock: this.#subject.clock(),
        timeMs: Date.now(),
        ...fate,
      }
      if (this.#isUnderWay) this.#fates.push(record)
      else if (this.#isAdmitted()) this.#sink.add(record)
    })
  }

  /** Tells where the server stands, if that is to come next. */
  resume(): void {
    this.#safely(undefined, () => {
      if (this.#sink.needsKeyframe && this.#sink.admits()) this.#keyframe()
    })
  }

  /** How far the server is; `null` while its roles do not run. Costs as much as a few fields. */
  heads(): Omit<HeadsRecord, 'leftOut'> | null {
    return this.#safely(null, () => {
      const acceptor = this.#subject.snapshot('acceptor')?.context as AcceptorContext | undefined
      const learner = this.#subject.snapshot('learner')?.context as LearnerContext | undefined
      if (this.#mirror === null || acceptor === undefined || learner === undefined) return null
      const { promised } = acceptor
      return {
        kind: 'heads',
        clock: this.#subject.clock(),
        timeMs: Date.now(),
        promised,
        isPromisedSynced: compareBallots(promised, this.#mirror.durable.promised) <= 0,
        firstUnchosen: learner.firstUnchosen,
        firstUnexecuted: this.#subject.replica.firstUnexecuted,
      }
    })
  }

  /** The server has ended: `null` when it was stopped, the reason when it halted. */
  ended(reason: string | null): void {
    if (this.#serviceTimer !== null) clearTimeout(this.#serviceTimer)
    this.#safely(undefined, () => {
      if (this.#mirror === null || !this.#isAdmitted()) return
      this.#sink.add({ kind: 'ended', clock: this.#subject.clock(), timeMs: Date.now(), reason })
    })
  }

  /** True when a record may be made now; a keyframe is made before it where one must be. */
  #isAdmitted(): boolean {
    if (this.#sink.admits()) {
      if (this.#sink.needsKeyframe) this.#keyframe()
      if (!this.#sink.needsKeyframe) return true
    }
    this.#sink.leaveOut()
    return false
  }

  #keyframe(): void {
    const mirror = this.#mirror
    if (mirror === null) return
    const { address, replica } = this.#subject
    this.#told = {}
    const roles = this.#changed()
    // Before the roles are there, or when they are gone.
    if (roleNames.some((role) => roles[role] === undefined)) return
    this.#sink.add({
      kind: 'keyframe',
      clock: this.#subject.clock(),
      timeMs: Date.now(),
      address,
      pid: process.pid,
      members: replica.members,
      durable: mirror.durable,
      firstUnexecuted: replica.firstUnexecuted,
      roles: roles as RoleStates,
    })
    this.#serviceChanged()
  }

  #changed(): Partial<RoleStates> {
    const changed: Partial<Record<RoleName, MachineState>> = {}
    for (const role of roleNames) {
      const snapshot = this.#subject.snapshot(role)
      const before = this.#told[role]
      if (snapshot === undefined) continue
      if (snapshot.context === before?.context && snapshot.value === before?.value) continue
      this.#told[role] = snapshot
      changed[role] = machineStateOf(role, snapshot as Parameters<typeof machineStateOf>[1])
    }
    return changed
  }

  #serviceChanged(): void {
    if (this.#isBroken) return
    const afterMs = Math.max(serviceEveryMs, this.#serviceTookMs * serviceRest)
    this.#serviceTimer ??= setTimeout(() => this.#showService(), afterMs).unref()
  }

  /** What is left out here is made up for after the keyframe that comes next. */
  #showService(): void {
    this.#serviceTimer = null
    this.#safely(undefined, () => {
      const { replica } = this.#subject
      if (this.#sink.needsKeyframe || !this.#sink.admits()) return
      const begin = performance.now()
      this.#sink.add({
        kind: 'service',
        clock: this.#subject.clock(),
        timeMs: Date.now(),
        firstUnexecuted: replica.firstUnexecuted,
        view: truncatedView(replica.view()),
      })
      this.#serviceTookMs = performance.now() - begin
    })
  }

  /** Nothing that is wrong here may be thrown into the server. */
  #safely<T>(otherwise: T, run: () => T): T {
    if (this.#isBroken) return otherwise
    try {
      return run()
    } catch (error) {
      this.#isBroken = true
      this.#failed(error instanceof Error ? error : new Error(String(error)))
      return otherwise
    }
  }
}

function causeOf(event: JournalEvent['event']): Cause {
  switch (event.type) {
    case 'start':
      return { type: 'start' }
    case 'hear':
      return { type: 'hear', sender: event.sender, message: event.message }
    case 'request':
      return { type: 'request', message: event.message, replyTo: event.replyTo }
    case 'timer':
      return { type: 'timer', role: event.role, id: event.id }
    case 'synced':
      return { type: 'synced' }
    case 'tell':
      return { type: 'tell', role: event.role, event: event.event.type }
  }
  return event satisfies never
}
