// What the form may guess for the supporter, and never decides: a mistyped mail domain, and the country that the
// browser's languages name. Nothing is looked up anywhere.

/** Mail providers that many use, with those that look like a typo of another one. */
const PROVIDERS = `gmail.com googlemail.com yahoo.com yahoo.fr yahoo.es yahoo.co.uk yahoo.co.in yahoo.com.br ymail.com hotmail.com hotmail.fr
  hotmail.es hotmail.co.uk outlook.com outlook.fr outlook.es live.com live.fr msn.com icloud.com me.com mac.com aol.com mail.com
  email.com gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de orange.fr wanadoo.fr free.fr laposte.net sfr.fr protonmail.com
  proton.me pm.me fastmail.com tutanota.com posteo.de riseup.net mail.ru yandex.ru yandex.com rambler.ru inbox.ru list.ru bk.ru
  qq.com 163.com 126.com sina.com foxmail.com naver.com hanmail.net rediffmail.com comcast.net`.split(/\s+/);

/** Endings that no domain has, and what was meant. */
const ENDINGS = { con: "com", cmo: "com", ocm: "com", vom: "com", xom: "com", comm: "com", coom: "com", ogr: "org", orgg: "org", nte: "net", ent: "net" };

/** Letters that were left out, added, changed or swapped; `limit + 1` when there are more than `limit`. */
export function distance(one, other, limit) {
  if (Math.abs(one.length - other.length) > limit) return limit + 1;
  let before = [], last = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const isSame = one[i - 1] === other[j - 1];
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return Math.min(last[other.length], limit + 1);
}

/** The address that was probably meant, or null. */
export function suggestion(address) {
  const [, mailbox, typed] = /^\s*([^\s@]+)@([^\s@]+\.[^\s@.]+)\s*$/.exec(address) ?? [];
  if (!typed) return null;
  const domain = typed.toLowerCase();
  if (PROVIDERS.includes(domain)) return null;
  let best = null, least = 3;
  for (const provider of PROVIDERS) {
    // Short domains are close to many that exist; two mistakes are believed of long ones only.
    const limit = provider.length < 8 ? 0 : provider.length < 10 || provider[0] !== domain[0] ? 1 : 2;
    const far = limit && distance(domain, provider, limit);
    if (far && far <= limit && far < least) [best, least] = [provider, far];
  }
  const ending = domain.slice(domain.lastIndexOf(".") + 1);
  if (!best && Object.prototype.hasOwnProperty.call(ENDINGS, ending)) best = domain.slice(0, -ending.length) + ENDINGS[ending];
  return best && `${mailbox}@${best}`;
}

/** The country that the browser's languages name, or null. American English alone names none: programs come with it everywhere. */
export function countryOf(languages) {
  for (const tag of languages ?? []) {
    const region = /^[a-z]{2,3}(?:-[a-z]{4})?-([a-z]{2})(?:-|$)/i.exec(tag)?.[1];
    if (region && !/^en-us$/i.test(tag)) return region.toUpperCase();
  }
  return null;
}
