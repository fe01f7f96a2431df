/** How a talk stands. */
export interface TalkView {
  /** The caller hears music for a while. */
  held?: boolean;
  /** The caller is being handed over. */
  transfer?: { to: string; state: 'ringing' };
  /** Absent: nothing is recorded. */
  recording?: 'on' | 'paused';
  /** Supervisors who listen: their agent ids. */
  listeners?: string[];
}
