"""Words that say little of what a question is about, in the languages that most are asked in."""

from typing import Final

# What a question is built with; and words for having, being and costing, which the thing that
# has, is or costs is told without.
_ENGLISH: Final = (
    "a about actually after all also an and any anybody anyone anything are as at be been before "
    "being between but by came can come cost costs could did do does doing done during each ever "
    "every exact exactly find for from gave get gets getting give given gives got had happen "
    "happened happens has have having he her here hers him his how i if in into is it its kind "
    "know last long made make makes many may me mean means might more most much must my name "
    "named names need needs of off often on one or other our out over please priced reason said "
    "say says she should so some somebody someone sort such take takes taken tell than that the "
    "their them there these they thing things this those to too type under until up us use used "
    "uses using very was way we went were what when where whether which while who whom whose why "
    "will with within would you your located called cause caused price far old late mr mrs ms dr "
    "sir madam"
)
_GERMAN: Final = (
    "aber alle als am an auch auf aus bei beim bin bis das dass dem den der des die dies diese "
    "dieser dieses dir du durch ein eine einem einen einer eines er es etwas für fuer geben gibt "
    "habe haben hat hatte heißen heißt hoch ich ihr ihre im in ist ja kann kein keine können "
    "kosten kostet lang lange lautet liegt mein meine mich mir mit muss müssen nach oder pro sein "
    "seine sich sie sind soll sollen um und uns unser unsere vom von vor wann war waren warum was "
    "wegen welche welchem welchen welcher welches wem wen wer werden wessen wie viel viele "
    "wieviel wird wo woher wohin wofür wurde wurden zu zum zur bekomme brauche darf dürfen herr "
    "herrn frau bedeutet ab"
)
_SPANISH: Final = (
    "al algo cómo como con cuál cuáles cuándo cuánto cuánta cuántos cuántas cuesta cuestan de del "
    "desde dónde el ella en es esta está están este fue fueron ha hace hacer han hasta hay la las "
    "le les lo los llama me mi mis para pero por puede pueden puedo que qué quién quiénes se ser "
    "si sin sobre son su sus tener tiene tienen un una uno unos y ya significa señor señora"
)
_FRENCH: Final = (
    "ai ainsi au aux avec avoir ce ces cet cette combien comment coûte coûtent d dans des doit du "
    "elle est et eu faire fait faut il ils j je l leur ma mon n ne nous on ont ou où par pas peut "
    "peux plus pour pourquoi qu quand quel quelle quelles quels qui quoi s sa sans ses son sont "
    "sur t ta te tu une vous y a-t-il signifie"
)
# Italian, Dutch.
_OTHERS: Final = (
    "che chi cosa di e gli i il nel nella per perché quale quali quando quanto sono una aan de "
    "een en het hoe is met naar op te van voor waar wat wie worden wordt zijn"
)
# Verbs that a row, a heading or a name answers without saying them.
_VERBS: Final = (
    "appear apply ask asked become began begin begins begun belong belongs born bring brings "
    "built buy charge charged chose contain contains decide decided describe die died end ended "
    "ends enter exist explain fall free go goes gone going handle happen held hold holds include "
    "included includes install keep keeps kept led lead leads leave left let live lived lives "
    "look made meet meets met occur offer open opened opens owe owes paid pay pays place play "
    "produce provide put reach reaches read receive received receives represent represents "
    "release released report reported responsible run runs see seen sell sells send sent set sets "
    "sign signed signs sits sleep sold stand stands start started starts stay stays stop store "
    "stored switch switched talk think took treat turn turned uses wear went work worked works "
    "write written wrote bekommen gehen kommen kommt läuft machen stehen steht erhalten kümmert "
    "zahlt zahlen öffnet schließt encuentra llevar vive abre cierra ouvre unterschrieben firma "
    "firmó ferme trouve new total main change changed check checked clean cleaned inspect "
    "inspected renew renewed replace replaced serviced travel travelled traveled gewechselt "
    "gereinigt ersetzt geprüft"
)

# What a text is, which it does not say.
_OF_TEXTS: Final = "letter letters document documents brief schreiben dokument carta lettre"

PLAIN_VERBS: Final = frozenset(_VERBS.split())
LIGHT: Final = frozenset(
    f"{_ENGLISH} {_GERMAN} {_SPANISH} {_FRENCH} {_OTHERS} {_VERBS} {_OF_TEXTS}".split()
)
"""Small letters, `PLAIN_VERBS` among them."""
