"""Words that name columns of tables: by them a first row of names is told from data."""

import re

_WORD = re.compile(r"[^\W\d_]+|[%€$£¥#№]")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def _words(text: str) -> frozenset[str]:
    """Return a set of words written with blanks between them."""
    return frozenset(text.split())


_NAMES = _words(
    # English
    "account action activity address age amount area article attribute author batch branch "
    "brand budget building capacity category chapter charge city class clause client code colour "
    "color column comment comments company condition contact contents cost costs count country "
    "course criterion currency customer date day days deadline department depth description "
    "device dimension discount distance document duration duties employee end event example "
    "expiry explanation factor fee feature field fields file floor format frequency function "
    "gender grade group height hour hours id impact index input interval invoice item items job "
    "key kind language length level limit line link location machine manager material "
    "maximum meaning measure measures member method minimum model month months name names "
    "note notes number object office operation option order organisation organization origin "
    "output owner page parameter part parties party percentage period person phone place plan "
    "planned population position price prices priority process product program project "
    "property purpose qty quantity range rank rate rating reason reference region remark remarks "
    "requirement response responsible result results revenue risk role room rule sales section "
    "sector size source stage standard start state station status step storage subject supervisor "
    "supplier support symbol symptom system target task tax teacher team tel temperature term test "
    "time times title topic total town type unit units url usage use user users validity value "
    "values variable vendor version volume voltage warranty week weight width year years zip "
    # Units and currencies
    "% € $ £ ¥ # № eur usd gbp chf jpy kg km cm mm pcs "
    # German
    "abteilung adresse alter anzahl art artikel aufgabe autor bedeutung begriff beginn bemerkung "
    "bemerkungen bereich beschreibung betrag bezeichnung datum dauer einheit einzelpreis ende "
    "ergebnis erläuterung fach frist funktion gebäude gebühr gerät gesamt gesamtpreis gewicht "
    "größe grund gültig halle hersteller inhalt jahr jahre kategorie klasse kosten kunde kürzel "
    "land länge leistung leiter lieferant maschine maßnahme menge merkmal monat monate "
    "nachname nr nummer ort person pos preis preise produkt projekt quelle raum rolle seite "
    "spalte stadt stand standort status straße stück stunden summe tag tage tarif telefon termin "
    "thema titel uhrzeit umsatz verantwortlich verantwortlicher version vorname "
    "wert woche zahl zeichen zeit zeitraum zimmer zuständig zuständigkeit zweck "
    # French
    "année article auteur bureau catégorie client commentaire coût description désignation durée "
    "état fonction fournisseur frais heure jour lieu mois montant nom nombre numéro objet "
    "pays période poids prénom prix produit quantité référence remarque responsable salle "
    "signification tarif taille téléphone terme titre total unité usage valeur ville "
    # Spanish, Portuguese, Italian
    "año ano anno apellido autor cantidad quantidade quantità cargo categoría categoria ciudad "
    "cidade città cliente codice código costo custo data descripción descrição descrizione día dia "
    "giorno dirección endereço indirizzo duración duração durata estado stato fecha función hora "
    "ora importe importo lugar luogo mes mês mese nome nombre número numero ore país paese periodo "
    "persona peso precio preço prezzo producto produto prodotto proveedor responsable responsável "
    "responsabile resultado risultato sala sede significado significato tarifa tariffa teléfono "
    "telefone telefono tipo título titolo unidad unidade unità valor valore "
    # Dutch, Swedish, Norwegian, Danish, Polish, Czech
    "aantal afdeling bedrag beschrijving datum duur eenheid functie hoeveelheid jaar kosten maand "
    "naam omschrijving plaats prijs soort tijd waarde antal avdelning belopp beskrivning dag enhet "
    "kostnad månad namn navn ort pris rum tid typ värde år beløb mængde cena data ilość imię "
    "jednostka kwota liczba miasto miejsce nazwa nazwisko opis rok wartość cas částka jméno místo "
    "množství název popis počet "
    # Russian, Ukrainian
    "адрес возраст время год город дата должность единица имя код количество месяц место название "
    "наименование номер описание отдел период примечание причина размер роль срок статус стоимость "
    "сумма телефон тип фамилия цена число адреса місто назва опис рік час ціна"
)
_CJK_NAMES = _words(
    "名称 姓名 编号 編號 序号 日期 时间 時間 地点 地點 数量 數量 单价 价格 價格 金额 金額 "
    "单位 單位 部门 部門 备注 備註 备考 项目 項目 类型 種類 说明 說明 内容 电话 地址 职务 年 月 "
    "名前 氏名 番号 日付 場所 価格 単価 備考 区分 品名 説明 電話 住所 担当 合計 "
    "이름 성명 번호 날짜 시간 장소 수량 가격 단가 금액 단위 부서 비고 항목 구분 내용 전화 주소 합계"
)


def names_column(text: str) -> bool:
    """Return True if *text*, a few words long, is a usual name of a column in some language."""
    if _CJK.search(text):
        return any(name in text for name in _CJK_NAMES)
    words = _WORD.findall(text.casefold())
    return any(word in _NAMES for word in words)
