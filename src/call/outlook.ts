import { isRefusal, type Reception } from './reception.ts';

/** Strangers may ask what a call would get: no more of them than this at once wait for the database. */
const lookingUpMost = 20;

/** Says what a call to a number would get now, as a SIP status (200: it would be answered), without one being offered. */
export function outlookOn(reception: Reception, hasRoom: () => boolean): (toNumber: string) => Promise<number> {
  let lookingUp = 0;
  return async (toNumber) => {
    if (!hasRoom()) return 503;
    if (toNumber === '' || lookingUp >= lookingUpMost) return 200;
    lookingUp += 1;
    const found = await reception.find(toNumber).finally(() => {
      lookingUp -= 1;
    });
    return isRefusal(found) ? found.sipStatus : 200;
  };
}
