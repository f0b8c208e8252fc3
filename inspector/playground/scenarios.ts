/** The scenarios that a reader may choose: the transcripts in scenarios/, which the tests run too. */

export interface Scenario {
  /** Its file name. */
  readonly file: string
  readonly name: string
}

/** In a good order for reading. */
export const scenarios: readonly Scenario[] = [
  { file: 'normal-case.txt', name: 'The normal case' },
  { file: 'helping.txt', name: 'The leader dies in mid-accept' },
  { file: 'duel.txt', name: 'A duel' },
  { file: 'leader-cut-off.txt', name: 'A partition: the leader is cut off' },
  { file: 'leader-dies-after-a-touch.txt', name: 'A leader and a holder die after a touch' },
  { file: 'late-joiner.txt', name: 'A late joiner' },
  { file: 'delayed-and-woken.txt', name: 'The delayed queue' },
  { file: 'seed-scenario-5.txt', name: 'Scenario 5 of the seed: two locks at three servers' },
  { file: 'crash-between-persist-and-send.txt', name: 'A crash between persist and send' },
  { file: 'lost-accepted.txt', name: 'A lost accepted' },
  { file: 'membership-change.txt', name: 'Changes of members' },
  { file: 'read-by-confirm.txt', name: 'A read, without a write' },
]
