/** The backup's state in words, and how it is to be taken. */

import type { BackupStatus } from 'amplet';
import { m } from '../paraglide/messages.js';
import { formatShortMoment } from './time.ts';

/** Seconds for which a step may be on its way before it is said. */
const ON_ITS_WAY = 10;

/** A state as it is shown. */
export interface BackupWords {
  tone: 'good' | 'info' | 'warn' | 'bad';
  title: string;
  /** What it means, and what helps; empty: nothing is to be said. */
  text: string;
}

/** Says how a backup stands at the time `now` (seconds since the UNIX epoch). */
export function backupWords(status: BackupStatus, locale: string, now: number): BackupWords {
  const { state, mode, since, error } = status;
  const time = formatShortMoment(since, locale, new Date(now * 1000));
  switch (state) {
    case 'current':
      return { tone: 'good', title: m.backup_current(), text: '' };
    case 'behind':
      // A step takes a moment to get there; it is no news.
      if (now - Number(since) < ON_ITS_WAY) return { tone: 'good', title: m.backup_saving(), text: '' };
      return { tone: 'info', title: m.backup_behind({ time }), text: m.backup_behind_text() };
    case 'unreachable':
      return {
        tone: 'warn',
        title: m.backup_away({ time }),
        text: mode === 'required' ? m.backup_away_required() : m.backup_away_lagging(),
      };
    case 'refused': {
      const reason = error?.code === 'storageFull' ? m.backup_refused_full() : m.backup_refused_other();
      const meaning = mode === 'required' ? m.backup_refused_required() : m.backup_refused_lagging();
      return { tone: 'bad', title: m.backup_refused({ time }), text: `${reason} ${meaning}` };
    }
  }
}
