/** The scenarios that a reader may choose, each a transcript in scenarios/: what is tested there is what is shown here. */

export interface Scenario {
  /** The name of its file. */
  readonly file: string
  readonly name: string
}

/** In the order in which they are best read. */
export const scenarios: readonly Scenario[] = [
  { file: 'normal-case.txt', name: 'The normal case' },
  { file: 'helping.txt', name: 'The leader dies in mid-accept' },
  { file: 'duel.txt', name: 'A duel' },
  { file: 'leader-cut-off.txt', name: 'A partition: the leader is cut off' },
  { file: 'late-joiner.txt', name: 'A late joiner' },
  { file: 'delayed-and-woken.txt', name: 'The delayed queue' },
  { file: 'seed-scenario-5.txt', name: 'Scenario 5 of the seed: two locks at three servers' },
  { file: 'crash-between-persist-and-send.txt', name: 'A crash between persist and send' },
  { file: 'lost-accepted.txt', name: 'A lost accepted' },
  { file: 'membership-change.txt', name: 'Changes of members' },
]
