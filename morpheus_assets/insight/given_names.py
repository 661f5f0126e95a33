"""Given names that tell a man or a woman: the commonest of the languages whose casts are proposed, from old novels too.

Translations keep the names of the original, so a name that the text's own language has not is looked for in the others;
one that tells a man here and a woman there ("Andrea", "Jean") tells nothing elsewhere.
"""

import re
import unicodedata
from collections.abc import Mapping

_MEN: Mapping[str, str] = {
    "en": "abel abraham adam albert alec alexander alfred algernon allan allen ambrose andrew anthony arthur aubrey"
    " augustus barnaby bartholomew basil ben benjamin bernard bertie bill billy bob bobby caleb cecil charles charley"
    " charlie christopher clarence clement colin cornelius cuthbert cyril daniel david davy denis dick donald"
    " ebenezer edgar edmund edward edwin eliot ephraim ernest eugene ezra ferdinand francis frank fred freddy"
    " frederic frederick geoffrey george gerald gilbert godfrey gregory guy hal harold harry harvey hector henry"
    " herbert hezekiah horace hubert hugh hugo humphrey ian ichabod isaac ishmael israel ivan jabez jack jacob james"
    " jasper jeffrey jem jeremiah jeremy jerry jim jimmy joe joel john johnny jonah jonas jonathan joseph joshua"
    " julian kenneth lawrence leonard leopold lewis lionel luke malcolm mark martin matthew maurice maximilian"
    " michael mike mortimer moses nat nathaniel ned neville nicholas nick nicodemus noah noel oliver oscar oswald"
    " owen patrick paul percy peter phil philip phineas quentin ralph randolph raymond reginald reuben richard robert"
    " robin roderick rodney roger roland rupert sam sammy samson samuel saul sebastian seth sidney silas simon"
    " solomon stephen sydney ted terence theodore thomas timothy toby tobias tom tommy tony uriah victor vincent"
    " walter wilfred will william willie winston zachary",
    "fr": "achille adolphe adrien alain albert alexandre alfred alphonse ambroise anatole andré antoine aristide"
    " armand arsène auguste augustin baptiste barthélemy basile benoît bernard bertrand blaise bruno charles charlot"
    " christophe claude clément cyrille denis didier edgar edmond edouard émile emmanuel ernest étienne eugène fabien"
    " félix ferdinand fernand firmin florent florentin françois frédéric gaston gauthier georges gérard gervais"
    " gilbert gilles grégoire guillaume gustave guy hector henri hercule hervé hilaire hippolyte honoré hubert hugues"
    " ignace jacques jacquot jean jérôme joachim joseph jules julien justin lambert laurent lazare léon léonard"
    " léopold louis luc lucien ludovic marc marcel marius martial martin mathieu maurice max maximilien médard michel"
    " nicolas octave olivier oscar pascal patrice paul philippe pierre prosper quentin raoul raphaël raymond rémi"
    " rené richard robert rodolphe roger roland romain sébastien simon stanislas sylvain théodore théophile thierry"
    " thomas tristan urbain valentin victor vincent xavier yves",
    "de": "achim adalbert adam adolf albert albrecht alexander alfred alois alwin andreas anselm anton armin arnold"
    " arthur august balthasar bastian benedikt bernhard berthold bruno burkhard christian christoph christof claus"
    " conrad daniel detlev dietrich eberhard eckart edmund eduard egon emil engelbert erdmann erhard erich ernst"
    " eugen ewald fabian felix ferdinand florian franz friedrich fridolin fritz gebhard georg gerhard gottfried"
    " gotthold gottlieb gottlob gregor günther gustav hanno hannes hans harald hartmut heiner heinrich heinz helmut"
    " herbert hermann hieronymus hubert hugo ignaz jakob jens jobst joachim jochen johann johannes jonas jörg josef"
    " joseph julius jürgen kai karl kaspar kilian klaus konrad konstantin kurt lambert leo leonhard leopold lorenz"
    " lothar ludwig lukas magnus manfred markus martin mathias matthias max maximilian melchior meinhard michael"
    " moritz niklas nikolaus norbert oskar oswald otto otmar paul peter philipp rainer ralf reinhard reinhold richard"
    " robert roderich rolf rudolf rüdiger ruprecht samuel sebastian siegfried siegmund sigismund simon stefan stephan"
    " theobald theodor thomas tobias udo ulrich uwe valentin veit viktor vinzenz volker waldemar walter walther"
    " wenzel werner wilhelm wolf wolfgang xaver",
    "es": "adolfo agustín alberto alejandro alfonso alonso álvaro ambrosio andrés anselmo antonio arturo aurelio"
    " baltasar bartolomé basilio benito bernardo blas camilo carlos ciriaco clemente cristóbal dámaso diego dionisio"
    " domingo eduardo emilio enrique ernesto esteban eugenio evaristo fabián federico felipe félix fermín fernando"
    " florencio francisco frasquito gabriel gaspar gerardo gil ginés gonzalo gregorio guillermo gustavo hernando"
    " hipólito ignacio isidro jacinto jaime javier jerónimo joaquín jorge josé juan juanito julián julio lázaro"
    " leandro leonardo leopoldo lope lorenzo lucas luis manolo manuel marcelo marcos mariano martín mateo matías"
    " mauricio máximo melchor miguel nicolás pablo paco pascual pedro pepe plácido  rafael ramiro ramón raúl ricardo"
    " roberto rodrigo rogelio roque salvador sancho sansón santiago santos sebastián segismundo servando severo"
    " silvestre simón teodoro timoteo tomás valentín vicente víctor",
    "ru": "александр алексей альберт анатолий анатоль андрей антон аркадий архип афанасий борис василий вася викентий"
    " виктор витя владимир влас володя вячеслав гаврила геннадий георгий герасим григорий гриша даниил денис дмитрий"
    " евгений егор емельян ефим захар иван игнат игорь илья иннокентий ипполит кирилл константин кузьма лев леонид"
    " лука макар максим матвей митя михаил миша моисей никита никифор николай николенька олег осип павел петр пётр"
    " петя платон порфирий прохор пьер родион родя савелий семен семён сергей сережа степан тарас тимофей тихон"
    " трофим федор фёдор федя филипп фома фрол юрий яков яша",
    "it": "abbondio agostino alberto aldo alessandro alessio alfonso alfredo ambrogio andrea angelo anselmo antonio"
    " arturo attilio augusto baldassarre bartolo bartolomeo battista benedetto benito bernardo bortolo carlo cesare"
    " cristoforo dante davide domenico donato edoardo egidio emilio enrico ernesto ettore eugenio fabio fabrizio"
    " federico federigo felice ferdinando ferrante filippo francesco gabriele gaetano galdino gaspare gennaro gervaso"
    " giacomo gianni gino giorgio giovanni girolamo giuseppe giulio guglielmo guido ignazio lamberto leonardo leone"
    " lodovico lorenzo luca luciano luigi manfredi marcello marco mario martino matteo maurizio menico michele nicola"
    " nicolò orazio paolo pasquale pietro raffaele renzo riccardo roberto rodrigo romeo rosario salvatore sandro"
    " sebastiano silvio simone stefano tommaso tonio ugo umberto valentino vincenzo vittorio",
    "pt": "abel afonso agostinho alberto alexandre alfredo amâncio amaro américo anacleto andré antónio antônio"
    " armando artur augusto baltasar basílio bartolomeu bento bernardo brás camilo carlos carlinhos cristiano"
    " cristóvão damaso david dinis diogo domingos duarte edmundo eduardo emílio ernesto estevão eugénio eusébio"
    " ezequiel félix fernando fernão filipe florêncio francisco frederico gabriel gaspar gonçalo  gregório guilherme"
    " henrique inácio jacinto jaime jerónimo joão joaquim jorge josé julião júlio leonardo lourenço lucas luís luiz"
    " manuel manoel marcelo marcos mário martim mateus miguel nicolau olavo paulo pedro rafael raimundo ramiro raul"
    " ricardo roberto rodrigo salvador sebastião simão teodorico teodoro tomás tomé vasco vicente vítor xavier"
    " zacarias",
    "nl": "aart abraham adriaan albert andries anton arie arnold bart bartel ben bernard bram christiaan cornelis"
    " daan dirk eduard ernst evert filip frans frederik frits gerard gerrit gijs govert hans harm heintje hein"
    " hendrik henk herman hugo isaak jaap jacob jakob jan jeroen joachim joan job johan johannes joost joris jozef"
    " karel klaas koen laurens leendert lodewijk lucas maarten marten martijn matthijs maurits michiel nicolaas otto"
    " paul peter pieter piet philips reinier robbert rudolf ruben sander simon steven teun theo tobias ulrich victor"
    " vincent walter willem wim wouter",
    "": "achille aleksei aleksandr alexei alexey alyosha anatole andrei andrey arkady boris dmitri dmitry edmond"
    " fernand feodor fyodor franz grigory grisha ilya ippolit ivan kolya konstantin kostya lev mikhail mishka misha"
    " mitya nikita nikolai nikolay pavel petya pierre platon porfiry porphyry pyotr rodion rodya semyon sergei sergey"
    " seryozha stepan vanya vasili vasily vassily vladimir yakov",
}
_WOMEN: Mapping[str, str] = {
    "en": "abigail ada adela adelaide adele agatha agnes alice alicia alison amabel amanda amelia amy angelina ann"
    " anna annabel anne annie arabella augusta barbara beatrice becky bella belinda bertha bess bessie bessy beth"
    " betsey betsy betty biddy blanche bridget caroline carrie cassandra catharine catherine cathy cecilia celia"
    " charlotte chloe christina clara clarissa clementina constance cordelia daisy deborah delia diana dinah dolly"
    " dora dorcas dorothea dorothy edith effie eleanor elinor eliza elizabeth ella ellen elsie emily emma emmeline"
    " ernestine esther ethel eugenia eva eve evelina fanny flora florence frances frederica georgiana georgina"
    " gertrude grace gwendolen hannah harriet hatty helen helena henrietta hester hetty hilda honoria ida imogen"
    " irene isabel isabella jane janet jemima jennie jenny jessica jessie jo joan joanna josephine judith julia"
    " juliana juliet justine kate katherine kathleen katie kitty laura lavinia lena letitia lettice lilian lily"
    " lizzie lizzy lottie louisa louise lucretia lucy lydia mabel madeline madge maggie margaret margery maria marian"
    " marianne marilla marion martha mary matilda maud maude meg mercy mildred millicent millie mina minnie miriam"
    " molly muriel nan nancy nell nellie nelly nora olive olivia ophelia pamela patty paulina pauline penelope phoebe"
    " phyllis polly priscilla prudence rachel rebecca rhoda rosa rosalind rosamond rose rosie ruth sally sarah selina"
    " sophia sophie sophy stella susan susanna susannah sybil theodora theresa tess ursula victoria viola violet"
    " winifred zillah",
    "fr": "adélaïde adèle adrienne agathe agnès aimée albertine alexandrine alice aline aloïse amélie anaïs andrée"
    " angèle angélique anne annette antoinette armande aurélie aurore barbe béatrice berthe blanche brigitte caroline"
    " catherine cécile céleste célestine céline charlotte chloé christine claire clara clarisse claudine clémence"
    " clémentine clotilde colette constance delphine denise désirée diane dorothée edith edmée éléonore élisabeth"
    " élise élodie éloïse emma émilie émilienne ernestine esther étiennette eugénie eulalie euphrasie eva fanny"
    " fernande flore florence françoise gabrielle geneviève georgette germaine gervaise gilberte hélène henriette"
    " hermance hortense ida irène isabelle jacqueline jeanne jeannette jenny joséphine judith julie juliette justine"
    " laure léonie léontine lisette lise louise louison lucie lucienne lucile lydie madeleine marcelle margot"
    " marguerite marianne marie mariette marion marthe mathilde mélanie mercédès michelle mina nadine nana nanette"
    " nathalie nicole nicolette ninon noémie octavie odette olympe ophélie paule pauline pélagie philomène rachel"
    " raymonde régine renée rosalie rose rosette rosine sabine sidonie simone solange sophie stéphanie suzanne sylvie"
    " thérèse toinette ursule valentine valérie véronique victoire victorine virginie yvonne zélie zoé",
    "de": "adele adelheid agathe agnes alma amalie angela anna annchen anneliese annemarie annette annie antonie"
    " auguste barbara bärbel beate bertha berta bettina brigitte cäcilie camilla carola charlotte christa christiane"
    " christine clara clothilde cora cornelia dora doris dorothea edith elfriede elisabeth elise ella else elvira"
    " emilie emma emmy erika erna ernestine esther eva eveline fanny franziska frieda friederike gabriele genoveva"
    " gerda gertrud gisela grete gretchen gretel gudrun hanna hannchen hanne hedwig heidi helene helga henriette"
    " hermine hertha hilda hilde hildegard hulda ida ilse ingeborg irma irene isabella jenny johanna josephine"
    " julchen julia juliane julie justine käthe karoline katharina katrin klara klärchen klothilde konstanze"
    " kunigunde laura lena lene leni leonore liesel liese lili lina lisbeth lisa lisette lore lotte louise lucie"
    " ludmilla luise lydia magda magdalena malwina margarete margarethe margot maria marianne marie marietta marta"
    " martha mathilde melanie meta mimi mina minna monika nora olga ottilie paula pauline regine renate resi rosa"
    " rosalie rose roswitha ruth sabine sarah selma sidonie sibylle sophie stefanie susanne tekla therese tilde tony"
    " toni traute trude ulrike ursula valerie vera veronika viktoria walburga wally wilhelmine ",
    "es": "adela agustina amelia amparo ana andrea ángela antonia asunción aurora bárbara beatriz benina benita"
    " bernarda blanca camila carlota carmen carolina casilda catalina cecilia celia clara claudia clementina"
    " concepción concha consuelo cristina dolores dorotea elena elisa eloísa elvira emilia emma encarnación ernestina"
    " esperanza estefanía eugenia eulalia eva fátima felisa fermina filomena flora florentina fortunata francisca"
    " gertrudis gloria guadalupe guillermina inés irene isabel isabela jacinta jimena josefa juana juanita julia"
    " laura leandra leonor lola lorenza lucía lucila luisa magdalena manuela marcela margarita maría mariana marta"
    " matilde mauricia mercedes micaela natalia nieves nina obdulia olalla olimpia paca pastora patricia paula"
    " paulina pepa petra pilar quiteria rafaela ramona rita rosa rosalía rosario rufina sara serafina severiana sofía"
    " soledad susana teresa tomasa úrsula valentina vicenta victoria visitación ",
    "ru": "авдотья агафья аграфена аксинья александра алена алёна анастасия анисья анна анфиса антонина аня варвара"
    " варя василиса вера глафира даша дарья дуня дунечка евгения екатерина елена елизавета ефросинья зина зинаида"
    " ирина катя катерина клавдия ксения лиза лизавета лида лидия люба любовь людмила маргарита марина мария марфа"
    " марья маша матрена машенька надежда надя настасья настя наталья наташа нина оленька ольга оля параша пелагея"
    " поленька полина прасковья пульхерия раиса соня софья софия таисия татьяна таня ульяна устинья фекла фёкла феня"
    " элен эмилия юлия",
    "it": "adele agnese alessandra amalia angela angelica anna annunziata antonia assunta beatrice bettina bianca"
    " camilla carlotta carmela carolina caterina cecilia chiara clara clelia concetta cristina diana elena eleonora"
    " elisa elisabetta emilia ernestina eugenia fiammetta filomena flora francesca gertrude giacinta gigia ginevra"
    " giovanna giulia giulietta giuseppina grazia ida ines irene isabella laura lavinia letizia lia lisa lisabetta"
    " lucia lucrezia luisa maddalena margherita maria marianna marta matilde mena nina nunziata ofelia ortensia paola"
    " perpetua pia prassede rita rosa rosalia rosina sara silvia sofia stella teresa tilde valentina viola violante"
    " virginia vittoria",
    "pt": "adelaide adélia alice amália amélia ana andrea angela angélica antónia beatriz bernarda branca camila"
    " carlota carlotinha carolina catarina cecília clara constança cristina delfina doroteia eduarda elisa elvira"
    " emília ermelinda eufrásia eugénia eulália eva felicidade fernanda filomena flora francisca gabriela genoveva"
    " gertrudes glória graça guilhermina helena henriqueta inês isabel jacinta joana joaninha josefa júlia juliana"
    " justina laura leonor leopoldina leocádia lourença lúcia luísa luiza luzia madalena margarida maria mariana"
    " marta matilde micaela natália natividade olímpia paula pilar quitéria raquel rita rosa rufina sancha sara sofia"
    " teresa úrsula violante virgínia vitória",
    "nl": "aafje aaltje adriana agnes aletta anna anneke antje barbara beatrijs betje catharina christina clara"
    " cornelia dina dorothea elisabeth elsje emma eva geertje geertruida grietje hanna helena hendrika hester jacoba"
    " jacomijn jannetje johanna josina judith julia kaatje keetje klaartje leentje lena leonora lidewij lijsbeth"
    " louise lucia machteld magdalena margaretha maria mariken marie martha mathilde mietje mina neeltje paulina"
    " petronella rachel rebecca rika roosje rosa sara saartje sophia stijntje suze suzanna teuntje trijn trijntje"
    " truitje ursula wilhelmina",
    "": "adèle agafea agrafena anisya avdotya darya dounia dunya ekaterina elena fenya glafira  helene julie katerina"
    " katya lidia lise lizaveta masha marfa marya mercédès nastasia nastasya natalya natasha olga praskovya pulcheria"
    " sofya sonia sonya tatyana tanya valentine varenka varvara varya vera",
}
_PATRONYMIC = re.compile(
    r"(?P<m>.{2,}(?:ович|евич|ьич|ovich|ovitch|evich|evitch|yevich|yevitch|lyich|lyitch)$)"
    r"|(?P<f>.{2,}(?:овна|евна|ична|инична|ovna|evna|yevna|inichna|itchna)$)"
)


def _folded(text: str) -> str:
    """Without accents: old books write Gloria for Glória."""
    return "".join(char for char in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(char))


_BY_LANGUAGE: Mapping[str, Mapping[str, str]] = {
    language: {
        **dict.fromkeys(_folded(_MEN[language]).split(), "m"),
        **dict.fromkeys(_folded(_WOMEN[language]).split(), "f"),
    }
    for language in _MEN
}


def _everywhere() -> dict[str, str]:
    told: dict[str, set[str]] = {}
    for names in _BY_LANGUAGE.values():
        for name, gender in names.items():
            told.setdefault(name, set()).add(gender)
    return {name: genders.pop() for name, genders in told.items() if len(genders) == 1}


_EVERYWHERE: Mapping[str, str] = _everywhere()


def given_gender(words: tuple[str, ...], language: str) -> str:
    """ "m" or "f" of a name by its given name or its patronymic, " where neither tells; language as ISO 639-1."""
    for word in words[1:]:
        patronymic = _PATRONYMIC.match(word.lower())
        if patronymic is not None:
            return patronymic.lastgroup or ""
    first = _folded(words[0])
    return _BY_LANGUAGE.get(language, {}).get(first) or _EVERYWHERE.get(first, "")
