// The list of all calls, and why one may be refused.

import { openNamed, prepareContents } from "./contents.js";

prepareContents();
openNamed();
