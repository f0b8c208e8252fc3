/**
 * The commands and comments of each scenario. scripts/build-inspector.ts leaves out the output, which the page computes again.
 */
import crash from '../../scenarios/crash-between-persist-and-send.txt'
import delayed from '../../scenarios/delayed-and-woken.txt'
import duel from '../../scenarios/duel.txt'
import helping from '../../scenarios/helping.txt'
import joiner from '../../scenarios/late-joiner.txt'
import cutOff from '../../scenarios/leader-cut-off.txt'
import lost from '../../scenarios/lost-accepted.txt'
import members from '../../scenarios/membership-change.txt'
import normal from '../../scenarios/normal-case.txt'
import read from '../../scenarios/read-by-confirm.txt'
import seed from '../../scenarios/seed-scenario-5.txt'

/** By file name. */
export const scenarioTexts: Readonly<Record<string, string>> = {
  'normal-case.txt': normal,
  'helping.txt': helping,
  'duel.txt': duel,
  'leader-cut-off.txt': cutOff,
  'late-joiner.txt': joiner,
  'delayed-and-woken.txt': delayed,
  'seed-scenario-5.txt': seed,
  'crash-between-persist-and-send.txt': crash,
  'lost-accepted.txt': lost,
  'membership-change.txt': members,
  'read-by-confirm.txt': read,
}
